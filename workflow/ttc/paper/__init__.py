"""Claims, figures and open questions of Snell et al. 2024, held against a study."""
