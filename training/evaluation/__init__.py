"""How good lists are: against what was found later, against a truth, beside plain baselines."""
