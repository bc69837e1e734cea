"""The documents of the repository as a site: pages with links that work in both places, and their order."""
