"""What applies the rules: to the county, to one incoming claim, and what inspections made of their hits."""
