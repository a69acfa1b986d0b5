"""The words of the field: waybills, parcels, scans, facilities, instants, units, errors."""
