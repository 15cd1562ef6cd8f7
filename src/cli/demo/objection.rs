//! What a reader of the story does with the link in a message.

use std::path::Path;

use mail_parser::MessageParser;
use url::form_urlencoded;

use super::PATIENCE;
use crate::cli::Failure;
use crate::reason::Code;
use crate::store::{Entry, Filter, Store};

/// Objects to the newest assumption that a mail tells of; gives its line, once the objection is noted there.
pub(super) async fn object(store: &Store, client: &reqwest::Client, mailbox: &Path) -> Result<Entry, Failure> {
    let link = link(mailbox)?.ok_or_else(|| Failure::Wrong("no mail has a link to object".to_owned()))?;
    let form = form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("by", "Bo"), ("text", "Orders that are cancelled free their id again, since last year.")])
        .finish();
    client.post(link).body(form).send().await?.error_for_status()?;
    let noted = async {
        loop {
            let entries = store.ledger(&Filter::default()).await?;
            if let Some(entry) = entries.into_iter().find(|entry| entry.outcomes.contains(&Code::Objected)) {
                return Ok(entry);
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let late = |_| Failure::Wrong(format!("the objection wasn't noted within {PATIENCE:?}"));
    tokio::time::timeout(PATIENCE, noted).await.map_err(late)?
}

/// The link to object, as a mail program would find it.
fn link(mailbox: &Path) -> Result<Option<String>, Failure> {
    for file in std::fs::read_dir(mailbox)? {
        let mail = std::fs::read(file?.path())?;
        let text = MessageParser::new().parse(&mail).and_then(|mail| Some(mail.body_text(0)?.into_owned()));
        let link = text.iter().flat_map(|text| text.split_whitespace()).find(|word| word.contains("/object/"));
        if let Some(link) = link {
            return Ok(Some(link.to_owned()));
        }
    }
    Ok(None)
}
