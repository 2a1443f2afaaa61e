"""The week's route problem given to PyVRP (optional clients with prizes) and OR-Tools (disjunctions, guided local search), beside inspection/routes.py.

    python -m pip install pyvrp ortools        dev only, in an environment of one's own: nothing of ours needs them
    python -m benchmarks.inspection rivals --work build/inspection

Both get the same weeks and a minute; neither gives a bound.
"""

from __future__ import annotations

import importlib.metadata
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from inspection.routes import Problem, timed

SECONDS = 60
BARRED = 100_000
"""Minutes of a road nobody takes: a unit this team must not visit."""


def scaled(problem: Problem) -> np.ndarray:
    """Worth as whole numbers; a must is worth more than everything else together, as in ours."""
    worth = np.maximum(np.round(problem.value).astype(np.int64), 1)
    worth[list(problem.must)] += int(worth.sum())
    return worth


def pyvrp(problem: Problem, seconds: float = SECONDS) -> list[list[int]]:
    """Routes in the order of the shifts."""
    from pyvrp import Model
    from pyvrp.stop import MaxRuntime

    model, worth = Model(), scaled(problem)
    stops = [model.add_location(0, 0) for _ in worth]
    for i, stop in enumerate(stops):
        model.add_client(
            stop, delivery=[1], service_duration=int(problem.service[i]), tw_early=int(problem.opens[i]), tw_late=int(problem.closes[i] - problem.service[i]),
            prize=int(worth[i]), required=False,
        )  # fmt: skip
    for shift in problem.shifts:
        base, profile = model.add_location(0, 0), model.add_profile()
        depot = model.add_depot(base)
        model.add_vehicle_type(
            capacity=[shift.most], start_depot=depot, end_depot=depot, tw_early=int(shift.start), tw_late=int(shift.end), profile=profile, unit_distance_cost=0
        )  # fmt: skip
        far = np.where(shift.allowed, 0, BARRED)
        for i, stop in enumerate(stops):
            model.add_edge(base, stop, 0, int(shift.out[i] + far[i]), profile)
            model.add_edge(stop, base, 0, int(shift.back[i] + far[i]), profile)
            for j, other in enumerate(stops):
                if i != j:
                    model.add_edge(stop, other, 0, int(problem.travel[i, j] + far[j]), profile)
    found = model.solve(MaxRuntime(seconds), seed=1, display=False)
    routes: list[list[int]] = [[] for _ in problem.shifts]
    for route in found.best.routes():
        routes[route.vehicle_type()] = [stop.idx for stop in route if stop.is_client()]
    return routes


def ortools(problem: Problem, seconds: float = SECONDS) -> list[list[int]]:
    """Routes in the order of the shifts. Nodes: units, then each shift's base."""
    from ortools.constraint_solver import pywrapcp, routing_enums_pb2

    n, k, worth = len(problem.value), len(problem.shifts), scaled(problem)
    road = np.zeros((n + k, n + k), dtype=np.int64)
    road[:n, :n] = problem.travel
    for s, shift in enumerate(problem.shifts):
        road[n + s, :n], road[:n, n + s] = shift.out, shift.back
    road[:n] += problem.service[:, None]
    minutes = road.tolist()
    manager = pywrapcp.RoutingIndexManager(n + k, k, list(range(n, n + k)), list(range(n, n + k)))
    routing = pywrapcp.RoutingModel(manager)
    free = routing.RegisterTransitCallback(lambda a, b: 0)
    routing.SetArcCostEvaluatorOfAllVehicles(free)
    step = routing.RegisterTransitCallback(lambda a, b: minutes[manager.IndexToNode(a)][manager.IndexToNode(b)])
    routing.AddDimension(step, 1440, 1440, False, "time")
    one = routing.RegisterUnaryTransitCallback(lambda a: 1 if manager.IndexToNode(a) < n else 0)
    routing.AddDimensionWithVehicleCapacity(one, 0, [s.most for s in problem.shifts], True, "visits")
    clock = routing.GetDimensionOrDie("time")
    for i in range(n):
        index = manager.NodeToIndex(i)
        clock.CumulVar(index).SetRange(int(problem.opens[i]), int(problem.closes[i] - problem.service[i]))
        routing.AddDisjunction([index], int(worth[i]))
        routing.VehicleVar(index).SetValues([-1, *(s for s, shift in enumerate(problem.shifts) if shift.allowed[i])])
    for s, shift in enumerate(problem.shifts):
        clock.CumulVar(routing.Start(s)).SetRange(int(shift.start), int(shift.end))
        clock.CumulVar(routing.End(s)).SetRange(int(shift.start), int(shift.end))
    asked = pywrapcp.DefaultRoutingSearchParameters()
    asked.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION
    asked.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
    asked.time_limit.FromMilliseconds(int(seconds * 1000))
    found = routing.SolveWithParameters(asked)
    routes: list[list[int]] = []
    for s in range(k):
        index, route = routing.Start(s), []
        while found is not None and not routing.IsEnd(index):
            index = found.Value(routing.NextVar(index))
            if not routing.IsEnd(index):
                route.append(manager.IndexToNode(index))
        routes.append(route)
    return routes


RIVALS: dict[str, Callable[[Problem, float], list[list[int]]]] = {"pyvrp": pyvrp, "ortools": ortools}


def measured(name: str, problem: Problem, seconds: float = SECONDS) -> dict[str, Any]:
    """What a rival's routes are worth by our own clock: a day that does not fit counts nothing."""
    wall, cpu = time.monotonic(), time.process_time()
    routes = RIVALS[name](problem, seconds)
    spent = {"wall": time.monotonic() - wall, "cpu": time.process_time() - cpu}
    fit = [r for shift, r in zip(problem.shifts, routes, strict=True) if r and timed(problem, shift, r) is not None]
    visited = [i for r in fit for i in r]
    return {
        "what": f"{name} {importlib.metadata.version(name)}", "visits": len(visited), "broken": sum(map(bool, routes)) - len(fit),
        "worth": float(problem.value[visited].sum()), "musts": len(set(visited) & set(problem.must)), **spent,
    }  # fmt: skip
