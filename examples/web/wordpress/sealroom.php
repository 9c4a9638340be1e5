<?php
/**
 * Plugin Name: Sealroom button
 * Description: Puts the button of the company's room on every page. Paste snippet.html under Settings, Sealroom.
 * Version: 0.1.0
 * Requires PHP: 8.1
 * License: Apache-2.0
 *
 * Upload the folder `page/seal` of the build to the document root first: the script comes from this site itself.
 * The pasted text is not printed: its values are checked one by one, and written anew.
 */

declare(strict_types=1);

if (!defined('ABSPATH')) {
    exit;
}

const SEALROOM_SCRIPT = '#<script type="module" src="(/[A-Za-z0-9._/-]+/launcher-[0-9a-f]{16}\.js)"'
    . ' integrity="(sha384-[A-Za-z0-9+/]{64})"></script>#';
const SEALROOM_VALUES = [
    'src' => '#^https://[a-z0-9.-]+(?::[0-9]{1,5})?/room\.html$#D',
    'account' => '#^[0-9a-f]{64}$#D',
    'lang' => '#^[a-z]{2}$#D',
    'color-scheme' => '#^(?:auto|light|dark)$#D',
    'position' => '#^(?:end|start)$#D',
    'storage' => '#^(?:device|recoverable|session)$#D',
];

/** Script and button of a snippet, written anew; empty if a part is missing or odd. */
function sealroom_markup(string $snippet): string
{
    $has_button = preg_match('#<seal-room ([^<>]*)>\s*<span slot="label">([^<>]{1,200})</span>#', $snippet, $button);
    if (preg_match(SEALROOM_SCRIPT, $snippet, $script) !== 1 || $has_button !== 1) {
        return '';
    }
    preg_match_all('#([a-z-]+)="([^"]*)"#', $button[1], $pairs, PREG_SET_ORDER);
    $given = [];
    foreach ($pairs as [, $name, $value]) {
        $plain = html_entity_decode($value, ENT_QUOTES | ENT_HTML5, 'UTF-8');
        if (!isset(SEALROOM_VALUES[$name]) || preg_match(SEALROOM_VALUES[$name], $plain) !== 1) {
            return '';
        }
        $given[] = $name . '="' . esc_attr($plain) . '"';
    }
    if (!str_contains($button[1], 'src="') || !str_contains($button[1], 'account="')) {
        return '';
    }
    $label = esc_html(html_entity_decode($button[2], ENT_QUOTES | ENT_HTML5, 'UTF-8'));
    return '<script type="module" src="' . $script[1] . '" integrity="' . $script[2] . "\"></script>\n"
        . '<seal-room ' . implode(' ', $given) . ">\n  <span slot=\"label\">" . $label . "</span></seal-room>\n";
}

function sealroom_footer(): void
{
    echo sealroom_markup((string) get_option('sealroom_snippet', ''));
}

/** What is saved: a snippet that can be used, else what was there before. */
function sealroom_sanitize(mixed $given): string
{
    $snippet = is_string($given) ? trim($given) : '';
    if ($snippet === '' || sealroom_markup($snippet) !== '') {
        return $snippet;
    }
    add_settings_error('sealroom_snippet', 'sealroom', 'This is not the text of snippet.html.');
    return (string) get_option('sealroom_snippet', '');
}

function sealroom_settings(): void
{
    register_setting('sealroom', 'sealroom_snippet', ['sanitize_callback' => 'sealroom_sanitize']);
}

function sealroom_menu(): void
{
    add_options_page('Sealroom', 'Sealroom', 'manage_options', 'sealroom', 'sealroom_page');
}

function sealroom_page(): void
{
    echo '<div class="wrap"><h1>Sealroom</h1><form method="post" action="options.php">';
    settings_fields('sealroom');
    echo '<p><label for="sealroom_snippet">snippet.html</label></p>'
        . '<textarea id="sealroom_snippet" name="sealroom_snippet" rows="8" cols="80">'
        . esc_textarea((string) get_option('sealroom_snippet', '')) . '</textarea>';
    submit_button();
    echo '</form></div>';
}

add_action('wp_footer', 'sealroom_footer');
add_action('admin_init', 'sealroom_settings');
add_action('admin_menu', 'sealroom_menu');
