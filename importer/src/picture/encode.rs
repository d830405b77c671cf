//! Pictures: measured, refused, resized, re-encoded. What a file's name or a server says of it counts for nothing; its bytes
//! do. Nothing of the original survives but its looks: no metadata, no colour profile, no transparency.

use std::io::Cursor;
use std::sync::Arc;

use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, RgbImage};
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg;
use sha2::{Digest, Sha256};

/// Largest picture file that is read.
pub const BYTES_MAX: u64 = 10 * 1024 * 1024;

/// Most pixels that are decoded.
pub const PIXELS_MAX: u64 = 40_000_000;

/// Widths that a picture is kept in, as far as it is that wide.
pub const WIDTHS: [u32; 3] = [320, 640, 1280];

const JPEG_QUALITY: u8 = 80;

/// Goes into every key: another pipeline, other keys.
const PIPELINE_VERSION: &str = "kasuwa-picture-1";

/// Memory that decoding one picture may take: 40 megapixels of 8 bytes, with room to turn it.
const DECODE_BYTES_MAX: u64 = 2 * PIXELS_MAX * 8;

/// A picture as it will be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// From its content: the same bytes have the same key.
    pub key: String,
    /// Of the largest width.
    pub width: u32,
    /// Of the largest width.
    pub height: u32,
    /// Ascending, at least one.
    pub widths: Vec<u32>,
}

/// Reads a picture's header.
///
/// # Errors
/// Why it is none, or too large.
pub fn measure(bytes: &[u8]) -> Result<Measured, String> {
    let (width, height) = dimensions(bytes)?;
    if width == 0 || height == 0 {
        return Err("a picture without pixels".to_owned());
    }
    let pixels = u64::from(width) * u64::from(height);
    if pixels > PIXELS_MAX && !is_svg(bytes) {
        return Err(format!("{width} × {height} pixels, at most {} megapixels", PIXELS_MAX / 1_000_000));
    }
    let (widths, scaled_to) = if is_svg(bytes) {
        // A drawing has no pixels of its own: every width is sharp.
        (WIDTHS.to_vec(), WIDTHS[WIDTHS.len() - 1])
    } else {
        let mut widths: Vec<u32> = WIDTHS.into_iter().filter(|wanted| *wanted <= width).collect();
        if widths.is_empty() {
            widths.push(width);
        }
        let largest = widths[widths.len() - 1];
        (widths, largest)
    };
    let measured = Measured { key: key(bytes), width: scaled_to, height: scaled(height, scaled_to, width), widths };
    if u64::from(measured.width) * u64::from(measured.height) > PIXELS_MAX {
        return Err(format!("{width} × {height} is too tall a picture"));
    }
    Ok(measured)
}

/// Decodes a picture and encodes it as a JPEG on white for each of `widths`.
///
/// # Errors
/// Why it cannot be decoded.
pub fn encode(bytes: &[u8], widths: &[u32]) -> Result<Vec<(u32, Vec<u8>)>, String> {
    let mut picture = if is_svg(bytes) {
        draw(&svg_tree(bytes)?, widths.iter().copied().max().unwrap_or(1))?
    } else {
        decode(bytes)?
    };
    let mut encoded = Vec::with_capacity(widths.len());
    // From large to small, each from the one before: a quarter of the work at every step.
    for width in widths.iter().rev() {
        if picture.width() != *width {
            let height = scaled(picture.height(), *width, picture.width());
            picture = resized(picture, *width, height)?;
        }
        encoded.push((*width, jpeg(&picture)?));
    }
    encoded.reverse();
    Ok(encoded)
}

fn key(bytes: &[u8]) -> String {
    let digest = Sha256::new().chain_update(PIPELINE_VERSION).chain_update([0]).chain_update(bytes).finalize();
    hex::encode(&digest[..16])
}

/// `length` scaled by `to / from`, rounded, at least 1.
fn scaled(length: u32, to: u32, from: u32) -> u32 {
    let (length, to, from) = (u64::from(length), u64::from(to), u64::from(from));
    u32::try_from((length * to + from / 2) / from).unwrap_or(u32::MAX).max(1)
}

fn is_svg(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    start.starts_with(b"<") && start[..start.len().min(4096)].windows(4).any(|window| window == b"<svg")
}

fn dimensions(bytes: &[u8]) -> Result<(u32, u32), String> {
    if is_svg(bytes) {
        let size = svg_tree(bytes)?.size().to_int_size();
        return Ok((size.width(), size.height()));
    }
    let mut decoder = decoder(bytes)?;
    let (width, height) = decoder.dimensions();
    Ok(match decoder.orientation().unwrap_or(Orientation::NoTransforms) {
        Orientation::Rotate90 | Orientation::Rotate270 | Orientation::Rotate90FlipH | Orientation::Rotate270FlipH => {
            (height, width)
        }
        Orientation::NoTransforms
        | Orientation::Rotate180
        | Orientation::FlipHorizontal
        | Orientation::FlipVertical => (width, height),
    })
}

fn decoder(bytes: &[u8]) -> Result<impl ImageDecoder + '_, String> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().map_err(|error| error.to_string())?;
    if reader.format().is_none() {
        return Err("not a picture: use JPEG, PNG, WebP, GIF or SVG".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODE_BYTES_MAX);
    reader.limits(limits);
    reader.into_decoder().map_err(|error| format!("a damaged picture: {error}"))
}

fn decode(bytes: &[u8]) -> Result<RgbImage, String> {
    let mut decoder = decoder(bytes)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| format!("a damaged picture: {error}"))?;
    picture.apply_orientation(orientation);
    if !picture.color().has_alpha() {
        return Ok(picture.into_rgb8());
    }
    let transparent = picture.into_rgba8();
    let mut opaque = RgbImage::new(transparent.width(), transparent.height());
    for (from, to) in transparent.pixels().zip(opaque.pixels_mut()) {
        let [red, green, blue, alpha] = from.0;
        let on_white = |channel: u8| {
            let sum = u16::from(channel) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            u8::try_from((sum + 127) / 255).unwrap_or(u8::MAX)
        };
        to.0 = [red, green, blue].map(on_white);
    }
    Ok(opaque)
}

fn resized(picture: RgbImage, width: u32, height: u32) -> Result<RgbImage, String> {
    let (from_width, from_height) = picture.dimensions();
    let from = Image::from_vec_u8(from_width, from_height, picture.into_raw(), PixelType::U8x3)
        .map_err(|error| error.to_string())?;
    let mut to = Image::new(width, height, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize(&from, &mut to, &options).map_err(|error| error.to_string())?;
    RgbImage::from_raw(width, height, to.into_vec()).ok_or_else(|| "a picture of impossible size".to_owned())
}

fn svg_tree(bytes: &[u8]) -> Result<usvg::Tree, String> {
    let options = usvg::Options {
        // A drawing shows what is in it; it never reads files or addresses.
        image_href_resolver: usvg::ImageHrefResolver {
            resolve_data: Box::new(|_, _: Arc<Vec<u8>>, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..usvg::Options::default()
    };
    usvg::Tree::from_data(bytes, &options).map_err(|error| format!("a damaged drawing: {error}"))
}

fn draw(tree: &usvg::Tree, width: u32) -> Result<RgbImage, String> {
    let size = tree.size();
    let scale = width as f32 / size.width();
    let height = ((size.height() * scale).round() as u32).max(1);
    let mut pixmap = Pixmap::new(width, height).ok_or_else(|| "a drawing of impossible size".to_owned())?;
    pixmap.fill(Color::WHITE);
    resvg::render(tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    // On white everything is opaque, so that premultiplied colours are plain colours.
    let rgb = pixmap.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| "a drawing of impossible size".to_owned())
}

fn jpeg(picture: &RgbImage) -> Result<Vec<u8>, String> {
    let side = |length: u32| u16::try_from(length).map_err(|_| format!("{length} pixels are too many for a JPEG"));
    let (width, height) = (side(picture.width())?, side(picture.height())?);
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, JPEG_QUALITY);
    // Colour at half the resolution: what the eye sees, in two thirds of the bytes.
    encoder.set_sampling_factor(SamplingFactor::R_4_2_0);
    encoder.encode(picture.as_raw(), width, height, ColorType::Rgb).map_err(|error| error.to_string())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb, Rgba, RgbaImage};

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let picture = RgbImage::from_fn(width, height, |x, y| Rgb([(x % 256) as u8, (y % 256) as u8, 90]));
        bytes_of(&DynamicImage::ImageRgb8(picture), ImageFormat::Png)
    }

    fn bytes_of(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn sizes(bytes: &[u8]) -> Vec<(u32, u32, u32)> {
        let measured = measure(bytes).unwrap();
        let encoded = encode(bytes, &measured.widths).unwrap();
        let sizes: Vec<_> = encoded
            .iter()
            .map(|(width, jpeg)| {
                let picture = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap();
                (*width, picture.width(), picture.height())
            })
            .collect();
        let last = sizes[sizes.len() - 1];
        assert_eq!((measured.width, measured.height), (last.1, last.2), "measured is what is made");
        sizes
    }

    #[test]
    fn pictures_come_in_three_widths_and_are_never_enlarged() {
        assert_eq!(sizes(&png(1400, 700)), [(320, 320, 160), (640, 640, 320), (1280, 1280, 640)]);
        assert_eq!(sizes(&png(645, 800)), [(320, 320, 397), (640, 640, 794)]);
        assert_eq!(sizes(&png(100, 30)), [(100, 100, 30)]);
        assert_eq!(sizes(&png(320, 1)), [(320, 320, 1)]);
    }

    #[test]
    fn the_same_picture_has_the_same_key() {
        let (one, other) = (measure(&png(10, 10)).unwrap().key, measure(&png(10, 11)).unwrap().key);
        assert_eq!(one, measure(&png(10, 10)).unwrap().key);
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
    }

    #[test]
    fn what_is_no_picture_is_refused_with_its_reason() {
        assert!(measure(b"hello").unwrap_err().contains("not a picture"));
        assert!(measure(b"").unwrap_err().contains("not a picture"));
        assert!(measure(&png(50, 50)[..20]).is_err());
        let mut damaged = png(400, 400);
        damaged.truncate(400);
        let measured = measure(&damaged).unwrap();
        assert!(encode(&damaged, &measured.widths).unwrap_err().contains("damaged"));
        // A header that promises 50,000 × 50,000 pixels.
        let mut bomb = png(1, 1);
        bomb[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
        assert!(measure(&bomb).is_err());
    }

    #[test]
    fn transparency_becomes_white() {
        let clear = RgbaImage::from_pixel(40, 40, Rgba([0, 0, 0, 0]));
        let bytes = bytes_of(&DynamicImage::ImageRgba8(clear), ImageFormat::Png);
        let jpeg = encode(&bytes, &[40]).unwrap().remove(0).1;
        let pixel = *image::load_from_memory(&jpeg).unwrap().into_rgb8().get_pixel(20, 20);
        assert!(pixel.0.iter().all(|channel| *channel > 250), "{pixel:?}");
    }

    #[test]
    fn a_drawing_is_sharp_at_every_width_and_reads_nothing() {
        let svg =
            br#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 10"><rect width="20" height="10" fill="red"/>
            <image href="/etc/hostname" width="5" height="5"/></svg>"#;
        assert_eq!(sizes(svg), [(320, 320, 160), (640, 640, 320), (1280, 1280, 640)]);
        assert!(measure(b"<svg").is_err());
    }
}
