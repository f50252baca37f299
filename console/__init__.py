"""The web pages: campaigns, bills and reports for managers; the demo page, and the gateway that apps' pages talk to."""
