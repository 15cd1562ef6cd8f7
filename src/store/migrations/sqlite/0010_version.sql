-- The version of the schema is `user_version` from here on. Without this table an older program takes the store for a new
-- one, finds its tables made, and stops.
DROP TABLE IF EXISTS _sqlx_migrations;
