"""Takes feedback, charges campaigns, relays events to the topic."""
