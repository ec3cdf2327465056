"""Plans, charges, bills, simulation: what usage costs under any plan, exactly, and why."""
