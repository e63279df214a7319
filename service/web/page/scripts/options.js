// The form of what a format has: every option that it knows, and of each only the values that go with the others.

import { channelsName } from "./words.js";

const USUAL_RATES = [32, 48, 64, 96, 128, 160, 192, 256, 320];
const KEY = "reprise.settings";

export class OptionsForm {
  #formats = [];

  constructor(form) {
    this.form = form;
    form.addEventListener("change", (event) => this.#changed(event.target.name));
  }

  async load(formats) {
    this.#formats = formats.output;
    fill(this.#field("format"), this.#formats.map((one) => [one.format, one.title]));
    this.#field("format").disabled = false;
    const known = read();
    if (this.#formats.some((one) => one.format === known.format)) this.#field("format").value = known.format;
    this.#offer();
    for (const [name, value] of Object.entries(known.options ?? {})) this.#put(name, value);
    this.#narrow();
  }

  get format() {
    return this.#formats.find((one) => one.format === this.#field("format").value);
  }

  titleOf(format) {
    return this.#formats.find((one) => one.format === format)?.title ?? format;
  }

  typeOf(format) {
    return this.#formats.find((one) => one.format === format)?.content_type ?? "";
  }

  keepsCover(format) {
    return this.#formats.find((one) => one.format === format)?.keeps_cover ?? false;
  }

  // Whether what was put in can be; says so beside the field otherwise.
  check() {
    const start = this.#field("start_seconds"), end = this.#field("end_seconds");
    const wrong = end.value && Number(end.value) <= Number(start.value || 0);
    end.setCustomValidity(wrong ? "The end has to be later than the beginning." : "");
    return this.form.reportValidity();
  }

  // {format, options}, as the API takes them.
  get wanted() {
    const options = {};
    for (const name of ["bitrate_kbps", "quality", "sample_rate", "channels", "bit_depth", "start_seconds", "end_seconds"]) {
      const field = this.#field(name);
      if (!field.disabled && field.value !== "") options[name] = Number(field.value);
    }
    const track = this.#field("track").value.trim();
    if (track) options.track = /^\d+$/.test(track) ? Number(track) : track;
    if (this.#field("loudness").checked) options.loudness = true;
    if (this.format?.keeps_tags && !this.#field("keep_tags").checked) options.keep_tags = false;
    if (this.format?.keeps_cover && !this.#field("keep_cover").checked) options.keep_cover = false;
    if (this.#field("on_damage").checked) options.on_damage = "convert";
    return { format: this.#field("format").value, options };
  }

  #field(name) {
    return this.form.elements.namedItem(name);
  }

  #put(name, value) {
    const field = this.#field(name);
    if (!field) return;
    if (field.type === "checkbox") field.checked = name === "on_damage" ? value === "convert" : value;
    else field.value = value;
    if (field.selectedIndex === -1) field.value = "";
  }

  #changed(name) {
    if (name === "format") this.#offer();
    if (name === "quality" && this.#field("quality").value !== "") this.#field("bitrate_kbps").value = "";
    if (name === "bitrate_kbps" && this.#field("bitrate_kbps").value !== "") this.#field("quality").value = "";
    this.#narrow();
    this.check();
    write(this.wanted);
  }

  // Shows what the format has at all.
  #offer() {
    const { options, keeps_tags, keeps_cover } = this.format;
    for (const name of ["bitrate_kbps", "quality", "sample_rate", "channels", "bit_depth"]) {
      const field = this.#field(name);
      field.closest("label").hidden = !options[name];
      field.disabled = !options[name];
      field.replaceChildren();
    }
    this.#field("keep_tags").closest("label").hidden = !keeps_tags;
    this.#field("keep_cover").closest("label").hidden = !keeps_cover;
  }

  // Leaves only what goes with what is chosen.
  #narrow() {
    const { options, bands } = this.format;
    const rate = Number(this.#field("sample_rate").value), channels = Number(this.#field("channels").value);
    const kbps = Number(this.#field("bitrate_kbps").value);
    const fits = (band, without) =>
      (without === "rate" || !rate || band.sample_rates.includes(rate)) &&
      (without === "channels" || !channels || band.channels.includes(channels)) &&
      (without === "kbps" || !kbps || carries(band, kbps));
    const open = (values, without, of) =>
      kbps ? values.filter((value) => bands.some((band) => fits(band, without) && of(band).includes(value))) : values;
    if (options.sample_rate) {
      const rates = open(options.sample_rate.allowed, "rate", (band) => band.sample_rates);
      fill(this.#field("sample_rate"), rates.map((v) => [v, `${v / 1000} kHz`]), "as it is");
    }
    if (options.channels) {
      const counts = open(options.channels.allowed, "channels", (band) => band.channels);
      fill(this.#field("channels"), counts.map((v) => [v, channelsName(v)]), "as it is");
    }
    if (options.bitrate_kbps) {
      const fitting = bands.filter((band) => fits(band, "kbps"));
      const rates = (options.bitrate_kbps.allowed ?? USUAL_RATES).filter((v) => fitting.some((band) => carries(band, v)));
      fill(this.#field("bitrate_kbps"), rates.map((v) => [v, `${v} kbit/s`]), "as the encoder likes");
      this.#field("bitrate_kbps").disabled = !rates.length;
    }
    if (options.quality) {
      const { min, max, best } = options.quality, steps = [];
      for (let value = min; value <= max; value += 1) steps.push([value, value === best ? `${value} (best)` : `${value}`]);
      fill(this.#field("quality"), steps, "not set");
    }
    if (options.bit_depth) fill(this.#field("bit_depth"), options.bit_depth.allowed.map((v) => [v, `${v} bits`]), "as it is");
  }
}

function carries(band, kbps) {
  return band.bitrate_kbps.allowed ? band.bitrate_kbps.allowed.includes(kbps) : kbps >= band.bitrate_kbps.min && kbps <= band.bitrate_kbps.max;
}

// Puts choices into a select, and keeps the one that was made if it is still there.
function fill(select, pairs, empty) {
  const before = select.value;
  const options = empty === undefined ? [] : [new Option(empty, "")];
  select.replaceChildren(...options, ...pairs.map(([value, text]) => new Option(text, value)));
  if (pairs.some(([value]) => String(value) === before)) select.value = before;
}

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function write(settings) {
  try {
    localStorage.setItem(KEY, JSON.stringify(settings));
  } catch {
    // Without storage the settings last as long as the page.
  }
}
