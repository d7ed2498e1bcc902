-- The count asks who has voted; it needs no table of its own for that any more.

do $$ begin
    execute format('revoke temporary on database %I from counter', current_database());
end $$;
