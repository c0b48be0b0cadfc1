"""Labs: two or more ways of doing one thing, side by side under the same load."""
