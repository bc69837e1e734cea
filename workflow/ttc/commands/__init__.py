"""Commands for people: one module each, `ttc NAME`."""
