"""How they hear of it: the stages from a notice to a delivery, and the adapters that hand it over."""
