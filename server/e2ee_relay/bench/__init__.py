"""`sealroom-relay bench`: what a machine carries, measured before it is bought. A process of its own."""
