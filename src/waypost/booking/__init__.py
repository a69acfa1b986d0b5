"""An order becomes a consignment. So far: what is asked of the carriers that give waybill numbers."""
