"""The subcommands of `pixelrefer`: each file has `add_parser` and `run`."""
