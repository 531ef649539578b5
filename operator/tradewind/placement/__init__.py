"""Where work should run: filters say where it may, costs say what it takes, the engine chooses. Pure."""
