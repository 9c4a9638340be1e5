"""The Sealroom client: what developers embed."""
