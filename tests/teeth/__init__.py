"""The teeth of the chaos suite: images in which a guard is broken, and the checkers that have to go red."""
