"""Pages for people: the report, the gallery, and the solutions they show."""
