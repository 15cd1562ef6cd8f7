//! Statements are written as SQLite understands them, and so that little of them has to be changed for PostgreSQL: the names of
//! parameters, paths into JSON, some functions, and hints to SQLite's planner. Each is translated once on a connection.

/// A statement for PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) sql: String,
    /// The names of its parameters, with their colons: `$1` is the first
    pub(super) names: Vec<String>,
}

/// A statement as PostgreSQL understands it.
pub(super) fn translate(sql: &str) -> Translated {
    let mut translated = Translated { sql: String::with_capacity(sql.len() + 64), names: Vec::new() };
    translated.write(&tokens(sql));
    translated
}

/// Words, parameters, texts in quotes, spaces, arrows and other characters, each one token.
fn tokens(sql: &str) -> Vec<&str> {
    let (mut tokens, mut rest) = (Vec::new(), sql);
    while let Some(first) = rest.chars().next() {
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let end = |is_inside: &dyn Fn(char) -> bool, from: usize| {
            rest[from..].find(|char| !is_inside(char)).map_or(rest.len(), |at| from + at)
        };
        let length = match first {
            '\'' => 1 + quoted(&rest[1..]),
            ':' if rest.starts_with("::") => 2,
            ':' if rest[1..].starts_with(|char: char| char.is_alphabetic()) => end(&is_word, 1),
            _ if is_word(first) => end(&is_word, 0),
            _ if first.is_whitespace() => end(&char::is_whitespace, 0),
            '-' if rest.starts_with("->>") => 3,
            '-' if rest.starts_with("->") => 2,
            _ => first.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// The length of what is in quotes, with the quote at its end; two quotes are one within it.
fn quoted(text: &str) -> usize {
    let mut at = 0;
    while let Some(quote) = text[at..].find('\'') {
        at += quote + 1;
        if !text[at..].starts_with('\'') {
            return at;
        }
        at += 1;
    }
    text.len()
}

impl Translated {
    fn write(&mut self, tokens: &[&str]) {
        let mut rest = tokens;
        while let [token, after @ ..] = rest {
            rest = match (*token, after) {
                ("->" | "->>", _) => self.path(token, after),
                ("x", [text, after @ ..]) if text.starts_with('\'') => {
                    self.sql.push_str(&format!("'\\x{}::bytea", &text[1..]));
                    after
                }
                (_, ["(", ..]) => self.call(token, after),
                (name, _) if name.starts_with(':') && name[1..].starts_with(char::is_alphabetic) => {
                    self.parameter(name);
                    after
                }
                _ => self.word(token, after),
            };
        }
    }

    fn parameter(&mut self, name: &str) {
        let place = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        self.sql.push_str(&format!("${}", place + 1));
    }

    /// `body ->> '$.a.b'` is `body::jsonb #>> '{a,b}'`.
    fn path<'t, 's>(&mut self, arrow: &str, after: &'t [&'s str]) -> &'t [&'s str] {
        let after = skip_space(after);
        let Some((path, after)) = after.split_first() else { return after };
        let places = path.trim_matches('\'').trim_start_matches('$').replace('[', ".").replace(']', "");
        let places = places.trim_start_matches('.').replace('.', ",");
        let arrow = if arrow == "->" { "#>" } else { "#>>" };
        self.sql.truncate(self.sql.trim_end().len());
        self.sql.push_str(&format!("::jsonb {arrow} '{{{places}}}'"));
        after
    }

    fn word<'t, 's>(&mut self, word: &str, after: &'t [&'s str]) -> &'t [&'s str] {
        match word {
            // SQLite doesn't distinguish large and small letters there.
            "LIKE" => self.sql.push_str("ILIKE"),
            // SQLite's planner keeps the order of tables that are joined so.
            "CROSS" => return skip_space(after),
            // `BY` and the index, with the spaces before them.
            "INDEXED" => {
                self.sql.truncate(self.sql.trim_end().len());
                return after.get(4..).unwrap_or_default();
            }
            _ => self.sql.push_str(word),
        }
        after
    }

    fn call<'t, 's>(&mut self, name: &str, after: &'t [&'s str]) -> &'t [&'s str] {
        let (arguments, after) = arguments(after);
        let (begin, between, end): (_, &[&str], _) = match (name, arguments.len()) {
            ("iif", 3) => ("CASE WHEN ", &[" THEN ", " ELSE "], " END"),
            ("max", 2..) => ("greatest(", &[], ")"),
            ("min", 2..) => ("least(", &[], ")"),
            ("json_each", 1) => ("json_array_elements_text((", &[], ")::json)"),
            ("json_group_array", 1) => ("coalesce(json_agg(", &[], "), '[]')"),
            ("json_object", _) => ("json_build_object(", &[], ")"),
            _ => {
                self.word(name, &[]);
                ("(", &[], ")")
            }
        };
        self.sql.push_str(begin);
        for (place, argument) in arguments.iter().enumerate() {
            if place > 0 {
                self.sql.push_str(between.get(place - 1).copied().unwrap_or(", "));
            }
            self.write(skip_space(argument));
        }
        self.sql.push_str(end);
        after
    }
}

fn skip_space<'t, 's>(tokens: &'t [&'s str]) -> &'t [&'s str] {
    match tokens {
        [space, after @ ..] if space.trim().is_empty() => after,
        _ => tokens,
    }
}

/// What is in the parentheses that these tokens begin with, by its commas; and what follows.
fn arguments<'t, 's>(tokens: &'t [&'s str]) -> (Vec<&'t [&'s str]>, &'t [&'s str]) {
    let (mut arguments, mut depth, mut begin) = (Vec::new(), 0, 1);
    for (place, token) in tokens.iter().enumerate() {
        match *token {
            "(" => depth += 1,
            ")" => depth -= 1,
            "," if depth == 1 => {
                arguments.push(&tokens[begin..place]);
                begin = place + 1;
            }
            _ => {}
        }
        if depth == 0 {
            arguments.push(&tokens[begin..place]);
            return (arguments, &tokens[place + 1..]);
        }
    }
    (vec![tokens.get(1..).unwrap_or_default()], &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_for_sqlite_become_statements_for_postgresql() {
        for (sqlite, postgres) in [
            ("SELECT a FROM t WHERE b = 'it''s :no'", "SELECT a FROM t WHERE b = 'it''s :no'"),
            ("UPDATE t SET a = :b, c = :a WHERE d = :b", "UPDATE t SET a = $1, c = $2 WHERE d = $1"),
            ("a::b", "a::b"),
            ("e.body ->> '$.actor.login' AS x", "e.body::jsonb #>> '{actor,login}' AS x"),
            ("(a) -> '$[0].code' = 'true'", "(a)::jsonb #> '{0,code}' = 'true'"),
            ("iif(a = :a, max(b, 1), NULL)", "CASE WHEN a = $1 THEN greatest(b, 1) ELSE NULL END"),
            ("max(at)", "max(at)"),
            ("min((a), b)", "least((a), b)"),
            ("IN (SELECT value FROM json_each(:ids))", "IN (SELECT value FROM json_array_elements_text(($1)::json))"),
            (
                "json_group_array(json_object('a', a) ORDER BY b)",
                "coalesce(json_agg(json_build_object('a', a) ORDER BY b), '[]')",
            ),
            ("FROM a CROSS JOIN b ON TRUE", "FROM a JOIN b ON TRUE"),
            ("FROM t INDEXED BY t_a WHERE a", "FROM t WHERE a"),
            ("FROM (SELECT 1 FROM t INDEXED BY t_a) s", "FROM (SELECT 1 FROM t) s"),
            ("a LIKE 'b%' OR count(*) > 1", "a ILIKE 'b%' OR count(*) > 1"),
            ("SET body = x''", "SET body = '\\x'::bytea"),
            ("VALUES (x'01ff', 'x')", "VALUES ('\\x01ff'::bytea, 'x')"),
        ] {
            assert_eq!(translate(sqlite).sql, postgres, "{sqlite}");
        }
    }

    #[test]
    fn a_name_is_one_parameter_wherever_it_stands() {
        assert_eq!(translate("SELECT :a, iif(:b, :a, :c)").names, [":a", ":b", ":c"]);
    }
}
