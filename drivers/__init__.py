"""What the appliance touches: hardware behind small interfaces, each with a simulated twin."""
