"""The toolsets that ship: arithmetic, algebra, logic and constraints."""
