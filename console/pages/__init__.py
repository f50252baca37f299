"""The pages, one file each: what is asked of the services, and which template shows it."""
