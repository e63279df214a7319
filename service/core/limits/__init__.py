"""How much of anything one tenant, one process or one client may take."""
