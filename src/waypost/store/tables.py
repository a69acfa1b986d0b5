"""The one set of relational tables. Each room draws its own on `METADATA`, in its `records.py`."""

from sqlalchemy import MetaData

#: Every constraint has a name that follows from its table and columns, so that migrations can speak of it.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
