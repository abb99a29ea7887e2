"""What is seen of a search while it runs, as lines of a given width and height. Pure: knows no Ray and no terminal."""
