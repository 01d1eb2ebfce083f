//! Shows what is told again and again: in place on a terminal, else one below the other, whenever something changed.

use anyhow::Result;
use k8s_openapi::jiff::Timestamp;

use super::screen::{self, Screen};
use super::{Picture, text};
use crate::cli::{Form, Telling};
use crate::page::{DIM, Page, Piece, RED, WIDTH};
use crate::{stdout, told};

/// Where it is shown.
pub struct Display<'a> {
    telling: &'a Telling,
    screen: Option<Screen>,
    /// What was shown last, and how.
    shown: Option<(Picture, String)>,
}

impl<'a> Display<'a> {
    pub const fn new(telling: &'a Telling) -> Self {
        Self { telling, screen: None, shown: None }
    }

    /// Shows it, if that would be news. Whether anybody still looks.
    pub fn show(&mut self, picture: Picture, at: Timestamp) -> Result<bool> {
        let in_place = self.telling.output == Form::Text && screen::is_there();
        let is_news = self.shown.as_ref().is_none_or(|(shown, _)| *shown != picture);
        // In place the ages move too.
        if !is_news && !in_place {
            return Ok(true);
        }
        let width = if in_place { screen::width() } else { WIDTH };
        let told =
            told::told(self.telling, &picture.document(at), |coloured| page(&picture, at, coloured, width))?;
        let is_seen = if in_place {
            let screen = match self.screen.take() {
                Some(screen) => screen,
                None => Screen::begin()?,
            };
            self.screen.insert(screen).draw(&told)?
        } else {
            let told = apart(self.telling.output, &told, self.shown.is_none());
            stdout::heard(|out| out.write_all(told.as_bytes()))?
        };
        self.shown = Some((picture, told));
        Ok(is_seen)
    }

    /// Gives the terminal back. What was shown last stays to be read.
    pub fn end(self) -> Result<()> {
        if let Some(screen) = self.screen {
            drop(screen);
            let (_, told) = self.shown.unwrap_or_default();
            stdout::print(&told)?;
        }
        Ok(())
    }
}

/// So that a reader knows where one ends: JSON says so itself.
fn apart(form: Form, told: &str, is_first: bool) -> String {
    match form {
        Form::Json => told.to_owned(),
        Form::Yaml => format!("---\n{told}"),
        Form::Text if is_first => told.to_owned(),
        Form::Text => format!("\n{told}"),
    }
}

fn page(picture: &Picture, at: Timestamp, coloured: bool, width: usize) -> String {
    let mut page = Page::new(coloured, width);
    page.line(&[Piece::new(&at.to_string(), DIM)]);
    for trouble in &picture.troubles {
        page.paragraph(&Piece::new(trouble, RED));
    }
    if picture.clusters.is_empty() {
        page.line(&[Piece::plain("there is no KubernetesCluster")]);
    }
    text::write(&mut page, &picture.clusters, at);
    page.into_text()
}
