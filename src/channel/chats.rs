//! The list of chats and webhooks. It is the only place outside their own files that names them.

use super::http::Http;
use super::{Outcome, Post};
use crate::api::Mask;
use crate::destination::ChannelSpec;

/// Gives the list of chats to another macro: for each its file, which is named like its key in `microalign.toml`, and its
/// variant of [`Chat`]. A comment is what editors and the reference say about the key.
macro_rules! chats {
    ($with:ident) => {
        $with! {
            /// Discord, by a webhook: `discord:NAME` is `[discord.NAME]`.
            discord: Discord,
            /// Google Chat, by a webhook: `google-chat:NAME` is `[google_chat.NAME]`.
            google_chat: GoogleChat,
            /// Matrix, with a user's token.
            matrix: Matrix,
            /// Mattermost, with a bot's token.
            mattermost: Mattermost,
            /// Mattermost's incoming webhooks: `mattermost-webhook:NAME` is `[mattermost_webhook.NAME]`.
            mattermost_webhook: MattermostWebhook,
            /// Rocket.Chat, with a user's token.
            rocket_chat: RocketChat,
            /// Slack, with a bot's token.
            slack: Slack,
            /// Slack's incoming webhooks: `slack-webhook:NAME` is `[slack_webhook.NAME]`.
            slack_webhook: SlackWebhook,
            /// Microsoft Teams, by a Workflows webhook: `teams:NAME` is `[teams.NAME]`.
            teams: Teams,
            /// Signed webhooks to any service: `webhook:NAME` is `[webhook.NAME]`.
            webhook: Webhook,
            /// Zulip, with a bot's key.
            zulip: Zulip,
        }
    };
}
pub(crate) use chats;

macro_rules! define {
    ($($(#[$about:meta])* $file:ident: $Chat:ident,)*) => {
        /// A chat or a webhook that the operator set up.
        #[derive(Debug, Clone)]
        pub enum Chat {
            $($(#[$about])* $Chat(super::$file::Settings),)*
        }

        /// What there is to know of each, whether it is set up or not.
        pub static CHANNELS: &[&ChannelSpec] = &[$(&super::$file::SPEC),*];

        impl Chat {
            pub(super) async fn send(&self, http: &Http, place: &str, post: &Post<'_>) -> Outcome {
                match self {
                    $(Self::$Chat(settings) => super::$file::send(http, settings, place, post).await,)*
                }
            }

            /// What its other end knows and nobody else may.
            pub(super) fn mask(&self) -> Mask {
                match self {
                    $(Self::$Chat(settings) => settings.mask(),)*
                }
            }
        }
    };
}
chats!(define);
