"""The paper, Snell et al. 2024: its claims, figures and open questions, held against a study."""
