"""Every screen of the display on one sheet, to be looked at and compared."""
