"""Existing MODFLOW models as problems: MODFLOW 6, MODFLOW-2005 and MODFLOW-NWT, read through flopy."""
