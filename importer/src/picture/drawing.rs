//! Pictures for products that have none: an icon of what it is, large and in two tones, on a soft ground. The same product has
//! the same drawing everywhere, and many products share one. Icons come from Phosphor's duotone set; without them the
//! ground is drawn with a plain shape.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::random::Random;

/// What to draw.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Drawing {
    /// Phosphor's name of the icon: `t-shirt`.
    pub icon: String,
    /// Hue of the ground, in degrees.
    pub hue: u16,
    /// Which way of drawing it.
    pub variation: u32,
}

impl Drawing {
    /// The drawing for a product called `name`, which chooses one of `variations`. There are at most icons × variations
    /// different pictures.
    pub fn new(icon: &str, hue: u16, name: &str, variations: u32) -> Self {
        let variation = Random::from_text(name).below(variations);
        Self { icon: icon.to_owned(), hue: hue % 360, variation }
    }

    /// The drawing as SVG, square.
    pub fn to_svg(&self, icons: &Icons) -> String {
        let mut random = Random::from_text(&format!("{}/{}/{}", self.icon, self.hue, self.variation));
        let shift = [0, 14, 346][(self.variation % 3) as usize];
        let hue = (f32::from(self.hue) + shift as f32) % 360.0;
        let accent = (hue + [28.0, 200.0, 330.0][(self.variation % 3) as usize]) % 360.0;
        let (light, soft) = (hsl(hue, 0.42, 0.955), hsl(hue + 12.0, 0.40, 0.865));
        let (body, line) = (hsl(hue, 0.46, 0.62), hsl(hue, 0.48, 0.235));
        let tilt = [-7, 0, 6][random.below(3) as usize];
        let mut svg = String::with_capacity(4096);
        let _ = write!(
            svg,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 1000"><defs><linearGradient id="g" x1="0" y1="0" x2="0.35" y2="1"><stop offset="0" stop-color="{light}"/><stop offset="1" stop-color="{soft}"/></linearGradient><radialGradient id="s"><stop offset="0" stop-color="{line}" stop-opacity=".30"/><stop offset="1" stop-color="{line}" stop-opacity="0"/></radialGradient></defs><rect width="1000" height="1000" fill="url(#g)"/>"#
        );
        ground(&mut svg, &mut random, &hsl(accent, 0.55, 0.78), &hsl(hue, 0.5, 0.99));
        svg.push_str(r#"<ellipse cx="500" cy="812" rx="300" ry="42" fill="url(#s)"/>"#);
        match icons.get(&self.icon) {
            Some(paths) => {
                // Phosphor's second tone is the first at a fifth of its opacity; here it gets a colour of its own.
                let paths = paths.replace(r#"opacity="0.2""#, &format!(r#"fill="{body}""#));
                let _ = write!(
                    svg,
                    r#"<g transform="translate(500 500) rotate({tilt}) scale(2.45) translate(-128 -128)" fill="{line}">{paths}</g>"#
                );
            }
            None => {
                let _ = write!(
                    svg,
                    r#"<g transform="rotate({tilt} 500 500)"><rect x="290" y="310" width="420" height="440" rx="36" fill="{body}"/><path d="M290 440h420" stroke="{line}" stroke-width="26"/><path d="M400 310v-40a100 100 0 0 1 200 0v40" fill="none" stroke="{line}" stroke-width="26"/></g>"#
                );
            }
        }
        svg.push_str("</svg>");
        svg
    }
}

/// A quiet pattern behind the icon.
fn ground(svg: &mut String, random: &mut Random, accent: &str, pale: &str) {
    let _ = match random.below(4) {
        0 => write!(
            svg,
            r#"<circle cx="{}" cy="{}" r="380" fill="{pale}" fill-opacity=".75"/><circle cx="{}" cy="170" r="74" fill="{accent}" fill-opacity=".55"/>"#,
            470 + random.below(60),
            450 + random.below(60),
            180 + random.below(640),
        ),
        1 => write!(
            svg,
            r#"<path d="M0 {0}Q500 {1} 1000 {0}V1000H0Z" fill="{accent}" fill-opacity=".38"/><circle cx="500" cy="480" r="350" fill="{pale}" fill-opacity=".6"/>"#,
            700 + random.below(80),
            560 + random.below(90),
        ),
        2 => {
            let mut dots = String::new();
            for row in 0..6 {
                for column in 0..6 {
                    let (x, y) = (100 + column * 160, 100 + row * 160);
                    let _ = write!(dots, r#"<circle cx="{x}" cy="{y}" r="9"/>"#);
                }
            }
            write!(
                svg,
                r#"<g fill="{accent}" fill-opacity=".5">{dots}</g><circle cx="500" cy="490" r="370" fill="{pale}" fill-opacity=".9"/>"#
            )
        }
        _ => write!(
            svg,
            r#"<g fill="none" stroke="{accent}" stroke-width="46" stroke-opacity=".34"><circle cx="{0}" cy="{0}" r="210"/><circle cx="{0}" cy="{0}" r="330"/><circle cx="{0}" cy="{0}" r="450"/></g><circle cx="500" cy="490" r="340" fill="{pale}" fill-opacity=".7"/>"#,
            [90, 910][random.below(2) as usize],
        ),
    };
}

/// CSS hexadecimal colour of hue (degrees), saturation and lightness (0 to 1).
fn hsl(hue: f32, saturation: f32, lightness: f32) -> String {
    let reach = saturation * lightness.min(1.0 - lightness);
    let channel = |offset: f32| {
        let k = (offset + hue.rem_euclid(360.0) / 30.0) % 12.0;
        let value = lightness - reach * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    format!("#{:02x}{:02x}{:02x}", channel(0.0), channel(8.0), channel(4.0))
}

/// The icons that there are.
#[derive(Debug, Default)]
pub struct Icons(HashMap<String, String>);

impl Icons {
    /// Where npm puts them, from the project's root.
    pub const FOLDER: &str = "node_modules/@phosphor-icons/core";

    /// The duotone icons of the package in `folder` (or of its `assets`, or of `assets/duotone`).
    ///
    /// # Errors
    /// When there are none.
    pub fn open(folder: &Path) -> Result<Self, String> {
        let places = ["assets/duotone", "duotone", ""].map(|inner| folder.join(inner));
        let duotone = places.iter().find(|place| holds_icons(place)).ok_or_else(|| {
            format!(
                "{} has no duotone icons: give the folder of the npm package @phosphor-icons/core",
                folder.display()
            )
        })?;
        let mut icons = HashMap::new();
        for entry in std::fs::read_dir(duotone).map_err(|error| error.to_string())? {
            let path: PathBuf = entry.map_err(|error| error.to_string())?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()?.strip_suffix("-duotone.svg")) else {
                continue;
            };
            let svg = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if let Some(paths) = inside(&svg) {
                icons.insert(name.to_owned(), paths.to_owned());
            }
        }
        Ok(Self(icons))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the icon is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

fn holds_icons(folder: &Path) -> bool {
    folder.join("t-shirt-duotone.svg").is_file()
}

/// What is between `<svg …>` and `</svg>`.
fn inside(svg: &str) -> Option<&str> {
    let start = svg.find("<svg")?;
    let start = start + svg[start..].find('>')? + 1;
    svg.get(start..svg.rfind("</svg>")?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::encode;

    #[test]
    fn every_variation_is_a_picture_of_its_own() {
        let icons = Icons::default();
        let mut keys = std::collections::HashSet::new();
        for variation in 0..3 {
            for hue in [0, 120, 359] {
                let svg = Drawing { icon: "t-shirt".to_owned(), hue, variation }.to_svg(&icons);
                keys.insert(encode::measure(svg.as_bytes()).unwrap().key);
                encode::encode(svg.as_bytes(), &[32]).unwrap();
            }
        }
        assert_eq!(keys.len(), 9);
    }

    #[test]
    fn an_icon_is_drawn_in_two_tones() {
        let mut icons = Icons::default();
        let icon = r#"<svg viewBox="0 0 256 256" fill="currentColor"><path d="M8,8H248V248H8Z" opacity="0.2"/><path d="M8,8h9v9Z"/></svg>"#;
        icons.0.insert("box".to_owned(), inside(icon).unwrap().to_owned());
        let svg = Drawing::new("box", 40, "A", 4).to_svg(&icons);
        assert!(svg.contains("M8,8h9v9Z") && !svg.contains("opacity=\"0.2\""));
        assert_eq!(svg, Drawing::new("box", 400, "A", 4).to_svg(&icons), "the same product has the same drawing");
    }

    #[test]
    fn colours_are_what_they_say() {
        assert_eq!(hsl(0.0, 1.0, 0.5), "#ff0000");
        assert_eq!(hsl(120.0, 1.0, 0.25), "#008000");
        assert_eq!(hsl(-120.0, 1.0, 0.5), "#0000ff");
    }
}
