"""Bringing sentences in: files, folders, addresses and the hub -> sentences -> a Corpus with one tag scheme."""
