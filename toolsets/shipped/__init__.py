"""The shipped toolsets: arithmetic, algebra, logic and constraints."""
