"""Self-contained web pages: what a browser shows without any server or network."""
