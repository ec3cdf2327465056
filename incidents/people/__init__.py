"""Who hears of it: people, their hours, the rota, levels, roles and hand-overs."""
