"""A folder that is a page: a static server delivers it, and a browser classifies with it."""
