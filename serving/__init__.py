"""Where the student is served next to the functions that it calls. Nothing lives here yet."""
