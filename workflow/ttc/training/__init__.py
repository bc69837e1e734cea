"""Training of policies, revisers and verifiers."""
