"""From prompts to tokens: rows that are decoded together, join and leave."""
