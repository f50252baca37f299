"""An app: it asks for ads, shows them, and tells what its user did with them."""
