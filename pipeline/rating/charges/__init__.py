"""One module a charge model: a charge and units in, the steps that make its price out. No rounding, no limits here."""
