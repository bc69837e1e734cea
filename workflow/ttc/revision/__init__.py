"""Sequential revisions (paper §6): training trajectories, and chains of answers conditioned on earlier ones."""
