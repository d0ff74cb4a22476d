"""Data sets in the JSON form of the official training data: records, pictures, masks."""
