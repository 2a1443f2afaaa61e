"""All declarations, loaded once: the catalogue of features and the rules."""

import importlib
import pkgutil

import features.catalog
import features.rules
from features.declare import REGISTRY, Registry


def load_catalog() -> Registry:
    """Import every catalogue file and rule, once; returns the registry."""
    for package in (features.catalog, features.rules):
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return REGISTRY
