"""Nouns and rules of training runs. No I/O, standard library only."""
