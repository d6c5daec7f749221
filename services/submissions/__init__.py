"""The submissions service: partners send entries in, and see where each of them is."""
