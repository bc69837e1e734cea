"""Problems: where they come from, how they are put to a model, and how its solutions are read."""
