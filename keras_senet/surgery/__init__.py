"""Functional models rewritten call by call: SE added, layers folded into their neighbours."""
